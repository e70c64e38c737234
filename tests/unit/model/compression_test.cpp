// Between which servers what is sent is compressed.
#include <gtest/gtest.h>

#include "model/spec.hpp"

namespace repl {
namespace {

Spec three_nodes(NetworkSpec network) {
  Spec spec;
  spec.nodes = {{.id = {"a"}, .address = {"10.0.0.1", 3306}, .type = NodeType::Source, .region = "west"},
                {.id = {"b"}, .address = {"10.0.0.2", 3306}, .region = "west"},
                {.id = {"c"}, .address = {"10.0.0.3", 3306}, .region = "east"},
                {.id = {"d"}, .address = {"10.0.0.4", 3306}}};
  spec.network = network;
  return spec;
}

TEST(Compression, IsEverywhereUnlessItIsForOtherRegionsOnly) {
  const auto spec = three_nodes({.compression = Compression::Zlib});
  EXPECT_EQ(spec.compression_between({"b"}, {"10.0.0.1", 3306}), Compression::Zlib);
  EXPECT_EQ(spec.compression_between({"c"}, {"10.0.0.1", 3306}), Compression::Zlib);
}

TEST(Compression, AcrossRegionsNeedsTwoRegionsThatAreKnown) {
  const auto spec = three_nodes({.compression = Compression::Zstd, .scope = CompressionScope::CrossRegion});
  EXPECT_EQ(spec.compression_between({"b"}, {"10.0.0.1", 3306}), Compression::None);
  EXPECT_EQ(spec.compression_between({"c"}, {"10.0.0.1", 3306}), Compression::Zstd);
  EXPECT_EQ(spec.compression_between({"d"}, {"10.0.0.1", 3306}), Compression::None) << "of no region";
  EXPECT_EQ(spec.compression_between({"c"}, {"10.9.9.9", 3306}), Compression::None) << "of nobody known";
}

}  // namespace
}  // namespace repl
