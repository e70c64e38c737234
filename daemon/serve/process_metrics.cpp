// The families that client libraries of Prometheus call process_*. Source: proc(5).
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "serve/families.hpp"

namespace repl::serve {
namespace {

/// Fields 3 and on of /proc/self/stat; the second, the name, may hold blanks and parentheses.
std::vector<long long> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 4 > line.size()) return {};
  std::istringstream rest(line.substr(end_of_name + 4));  // behind the state, a letter
  std::vector<long long> fields;
  for (long long field = 0; rest >> field;) fields.push_back(field);
  return fields;
}

/// Seconds since 1970 at which the machine was started.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

}  // namespace

void add_process_metrics(Families& families) {
  // Numbers of proc(5), counted from 1; stat_fields() begins with the fourth.
  const auto fields = stat_fields();
  const auto field = [&](std::size_t number) { return static_cast<double>(fields.at(number - 4)); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (fields.size() >= 21) {
    families.counter("process_cpu_seconds_total", "User and system CPU time spent.", {},
                     (field(14) + field(15)) / ticks);
    families.gauge("process_virtual_memory_bytes", "Virtual memory size.", {}, field(23));
    families.gauge("process_resident_memory_bytes", "Resident memory size.", {},
                   field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    families.gauge("process_threads", "Threads.", {}, field(20));
    if (const auto boot = boot_time()) {
      families.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", {},
                     *boot + field(22) / ticks);
    }
  }
  std::error_code unreadable;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", unreadable);
  if (!unreadable) {
    families.gauge("process_open_fds", "Open file descriptors.", {},
                   static_cast<double>(std::distance(begin(descriptors), end(descriptors))));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.gauge("process_max_fds", "The most file descriptors that may be open.", {},
                   static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace repl::serve
