// Reading and checking topology files.
#include "ctl/topology_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ctl/text.hpp"
#include "model/spec_text.hpp"
#include "spec/check.hpp"
#include "spec/parse.hpp"

namespace repl::ctl {
namespace {

constexpr const char* kStandardInput = "<stdin>";

std::vector<Finding> findings(const std::vector<spec::Detail>& details, Level level) {
  std::vector<Finding> out;
  for (const auto& d : details) out.push_back({level, d.file, d.line, d.column, d.message});
  return out;
}

std::string sentence(const Spec& spec) {
  return fmt::format("{}: {}, {}, {}", spec.cluster.name, to_string(spec.topology), to_string(spec.sync),
                     counted(static_cast<long long>(spec.nodes.size()), "node"));
}

}  // namespace

Result<TopologyFile> read_topology_file(const std::string& name, std::istream& in) {
  std::error_code ignored;
  if (name == "-") {
    return TopologyFile{kStandardInput, read_all(in), std::filesystem::current_path(ignored).string()};
  }
  if (std::filesystem::is_directory(name, ignored)) {
    return fail(ErrorCode::InvalidArgument, "cannot read {}: it is a folder; name the topology files in it", name);
  }
  std::ifstream file(name);
  if (!file)
    return fail(ErrorCode::InvalidArgument, "cannot read {}: {}", name,
                std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  return TopologyFile{name, read_all(file), std::filesystem::absolute(name, ignored).parent_path().string()};
}

Checked check(const TopologyFile& file) {
  const auto parsed = spec::parse(file.text, file.name, file.base_directory);
  Checked checked{.clusters = {},
                  .errors = findings(parsed.errors, Level::Error),
                  .warnings = findings(parsed.warnings, Level::Warning)};
  const auto secrets = spec::check_permissions(file.name == kStandardInput ? "" : file.name, parsed);
  for (auto& finding : findings(secrets, Level::Error)) checked.errors.push_back(std::move(finding));
  for (const auto& cluster : parsed.clusters) checked.clusters.push_back(sentence(cluster));
  return checked;
}

Json document_of(const TopologyFile& file) {
  return {{"document", file.text}, {"file", file.name}, {"baseDirectory", file.base_directory}};
}

}  // namespace repl::ctl
