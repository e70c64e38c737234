// The formatter of the log.
#include "serve/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/log_scope.hpp"
#include "serve/json.hpp"

namespace repl::serve {
namespace {

std::string human_line(Time at, std::string_view level, std::string_view message, const LogScope* scope) {
  std::string about;
  if (scope != nullptr && !(scope->cluster().empty() && scope->operation().empty())) {
    about = fmt::format("[{}] ", scope->operation().empty() ? scope->cluster() : scope->operation());
  }
  auto line = fmt::format("{} {:<7} {}{}", rfc3339(at), level, about, message);
  // What a server said may hold anything; a line stays a line.
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

std::string json_line(Time at, std::string_view level, std::string_view message, const LogScope* scope) {
  Json json = {{"time", rfc3339(at)}, {"level", level}, {"message", message}};
  if (scope != nullptr && !scope->cluster().empty()) json["cluster"] = scope->cluster();
  if (scope != nullptr && !scope->operation().empty()) json["operation"] = scope->operation();
  return to_text(json);
}

class Formatter final : public spdlog::formatter {
 public:
  explicit Formatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const auto line = log_line(format_, std::chrono::time_point_cast<Duration>(message.time),
                               {level.data(), level.size()}, {message.payload.data(), message.payload.size()});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<Formatter>(format_); }

 private:
  LogFormat format_;
};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

std::string log_line(LogFormat format, Time at, std::string_view level, std::string_view message) {
  const auto* scope = LogScope::current();
  return format == LogFormat::JsonLines ? json_line(at, level, message, scope) : human_line(at, level, message, scope);
}

void start_log(LogFormat format, LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>("repld", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<Formatter>(format));
  logger->set_level(level_of(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace repl::serve
