// A hooks directory with real little programs.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "temporary_directory.hpp"

namespace repl::run {

class Scripts {
 public:
  Scripts() { ::chmod(path().c_str(), 0755); }

  std::string path() const { return directory_.path(); }
  std::string operator/(const std::string& name) const { return directory_ / name; }
  /// A shell script that repld may run.
  std::string add(const std::string& name, const std::string& lines, mode_t mode = 0755) const {
    std::ofstream{directory_ / name} << "#!/bin/sh\n" << lines << "\n";
    ::chmod((directory_ / name).c_str(), mode);
    return directory_ / name;
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace repl::run
