// Runs replctl within the test: arguments in; exit code, output and errors out.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "ctl/console.hpp"
#include "ctl/run.hpp"
#include "fake_repld.hpp"
#include "samples.hpp"

namespace repl::ctl {

class ReplctlTest : public ::testing::Test {
 protected:
  struct Ran {
    int code;
    std::string out;
    std::string err;
  };

  ReplctlTest() {
    folder_ =
        std::filesystem::path(::testing::TempDir()) / ("replctl-" + std::to_string(::getpid()) + "-" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    environment_["REPLCTL_SERVER"] = repld_.url();
    environment_["REPLCTL_TOKEN_FILE"] = write("token", "s3cret\n");
  }
  ~ReplctlTest() override { std::filesystem::remove_all(folder_); }

  /// A file in a folder of the test's own; gives its path.
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  Ran run_with(const std::vector<std::string>& arguments, const std::string& typed, bool terminal) {
    std::istringstream in(typed);
    std::ostringstream out, err;
    Console console{.in = in,
                    .out = out,
                    .err = err,
                    .environment = [this](const std::string& name) { return environment_[name]; },
                    .in_is_terminal = terminal,
                    .out_is_terminal = terminal,
                    .style = {},
                    .err_style = {},
                    .width = terminal ? 100 : 0};
    const int code = run(arguments, console);
    return {code, out.str(), err.str()};
  }
  /// As from a script.
  Ran replctl(const std::vector<std::string>& arguments) { return run_with(arguments, {}, false); }
  /// As on a terminal, where a person has typed `typed`.
  Ran on_terminal(const std::vector<std::string>& arguments, const std::string& typed) {
    return run_with(arguments, typed, true);
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> environment_;
  FakeRepld repld_;
};

}  // namespace repl::ctl
