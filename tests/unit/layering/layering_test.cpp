// Holds every source file of repld and replctl to the table of layers, and proves that the check finds what it should.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "includes.hpp"

namespace repl::layering {
namespace {

namespace fs = std::filesystem;
using Found = std::vector<std::string>;

std::vector<fs::path> sources() {
  std::vector<fs::path> files;
  for (const auto* folder : {"daemon", "ctl"}) {
    for (const auto& entry : fs::recursive_directory_iterator{fs::path{REPL_SOURCE_DIR} / folder}) {
      const auto extension = entry.path().extension();
      if (extension == ".cpp" || extension == ".hpp") files.push_back(entry.path());
    }
  }
  return files;
}

TEST(Layering, HoldsInEveryFile) {
  const auto files = sources();
  EXPECT_GT(files.size(), 50U) << "the sources are not where they are looked for";
  for (const auto& file : files) {
    std::ifstream in{file};
    const std::string contents{std::istreambuf_iterator<char>(in), {}};
    const auto path = file.lexically_normal().lexically_relative(fs::path{REPL_SOURCE_DIR}.lexically_normal());
    for (const auto& violation : violations(path.generic_string(), contents)) ADD_FAILURE() << violation;
  }
}

TEST(Violations, AreNoneWhenDependenciesPointDown) {
  EXPECT_EQ(
      violations("daemon/plan/a.cpp", "#include \"plan/a.hpp\"\n#include \"model/view.hpp\"\n#include <vector>\n"),
      Found{});
  EXPECT_EQ(violations("daemon/run/a.cpp", "#include \"store/store.hpp\"\n#include \"mysql/node_manager.hpp\"\n"),
            Found{});
}

TEST(Violations, NameALayerThatIncludesOneAboveIt) {
  EXPECT_EQ(violations("daemon/model/a.hpp", "#pragma once\n#include \"spec/parse.hpp\"\n"),
            Found{"daemon/model/a.hpp:2: includes \"spec/parse.hpp\", and dependencies point the other way"});
  EXPECT_EQ(violations("daemon/control/a.cpp", "#include \"mysql/steps.hpp\"\n").size(), 1U);
}

TEST(Violations, NameStoreAndMysqlThatKnowEachOther) {
  EXPECT_EQ(violations("daemon/store/a.cpp", "#include \"mysql/steps.hpp\"\n").size(), 1U);
  EXPECT_EQ(violations("daemon/mysql/a.cpp", "#include \"store/store.hpp\"\n").size(), 1U);
}

TEST(Violations, NameALibraryInThePureMiddle) {
  for (const auto* header : {"mysql.h", "mysql_driver.h", "cppconn/driver.h", "mariadb/mysql.h", "boost/asio.hpp",
                             "SQLiteCpp/SQLiteCpp.h", "spdlog/spdlog.h", "yaml-cpp/yaml.h", "prometheus/registry.h"}) {
    const auto line = "#include <" + std::string{header} + ">\n";
    EXPECT_EQ(violations("daemon/control/a.cpp", line).size(), 1U) << header;
    EXPECT_EQ(violations("daemon/model/a.hpp", line).size(), 1U) << header;
  }
}

TEST(Violations, LetOnlySpecKnowTheYamlLibrary) {
  EXPECT_EQ(violations("daemon/spec/a.cpp", "#include <yaml-cpp/yaml.h>\n"), Found{});
  for (const auto* file : {"daemon/serve/a.cpp", "ctl/a.cpp", "daemon/main.cpp"}) {
    EXPECT_EQ(violations(file, "#include <yaml-cpp/yaml.h>\n").size(), 1U) << file;
  }
}

TEST(Violations, NameThreadsFilesAndClocksInThePureMiddle) {
  EXPECT_EQ(violations("daemon/plan/a.cpp", "#include <mutex>\n#include <sys/socket.h>\n#include <fstream>\n").size(),
            3U);
  EXPECT_EQ(violations("daemon/control/a.cpp", "  const auto now = std::chrono::steady_clock::now();\n"),
            Found{"daemon/control/a.cpp:1: reads a clock in the pure part"});
  EXPECT_EQ(violations("daemon/run/a.cpp", "#include <mutex>\nauto now = std::chrono::steady_clock::now();\n"),
            Found{});
}

TEST(Violations, KeepReplctlAwayFromTheInsidesOfRepld) {
  EXPECT_EQ(violations("ctl/sandbox/a.cpp", "#include \"ctl/text.hpp\"\n#include \"spec/parse.hpp\"\n"), Found{});
  EXPECT_EQ(violations("ctl/a.cpp", "#include \"run/daemon.hpp\"\n#include \"plan/failover.hpp\"\n").size(), 2U);
  EXPECT_EQ(violations("daemon/serve/a.cpp", "#include \"ctl/text.hpp\"\n").size(), 1U);
}

TEST(Violations, SeeThroughBlanksAndMissingNewlines) {
  EXPECT_EQ(violations("daemon/model/a.cpp", "  #  include \"serve/api.hpp\"").size(), 1U);
  EXPECT_EQ(violations("daemon/model/a.cpp", "// #include \"serve/api.hpp\"\n"), Found{});
}

TEST(Violations, NameAnIncludeThatHidesItsFolder) {
  EXPECT_EQ(violations("daemon/serve/a.cpp", "#include \"api.hpp\"\n").size(), 1U);
}

TEST(Violations, NameAFolderThatNobodyPutIntoTheTable) {
  EXPECT_EQ(violations("daemon/helpers/a.cpp", ""),
            Found{"daemon/helpers/a.cpp: the folder \"helpers\" is not in the table of layers"});
}

}  // namespace
}  // namespace repl::layering
