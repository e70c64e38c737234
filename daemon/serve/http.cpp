// Taking a request line's target apart.
#include "serve/http.hpp"

namespace repl::serve {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// @param plus_is_blank  in a query, as forms write it
Result<std::string> unescape(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(ErrorCode::InvalidArgument, "'{}' has a wrong percent escape", text);
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

/// Calls `take` with each part of `text` between separators.
template <class Take>
Result<void> split(std::string_view text, char separator, const Take& take) {
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (const auto part = text.substr(0, end); !part.empty()) {
      if (auto taken = take(part); !taken) return taken;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Head:
      return "HEAD";
    case Method::Post:
      return "POST";
    case Method::Delete:
      return "DELETE";
    case Method::Options:
      return "OPTIONS";
    case Method::Other:
      return "this method";
  }
  return "?";
}

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/') return fail(ErrorCode::InvalidArgument, "'{}' is no absolute path", text);
  Target target;
  const auto question_mark = text.find('?');
  auto done = split(text.substr(0, question_mark), '/', [&](std::string_view part) -> Result<void> {
    auto segment = unescape(part, false);
    if (!segment) return tl::unexpected(segment.error());
    target.segments.push_back(std::move(*segment));
    return {};
  });
  if (done && question_mark != std::string_view::npos) {
    done = split(text.substr(question_mark + 1), '&', [&](std::string_view part) -> Result<void> {
      const auto equals = part.find('=');
      auto name = unescape(part.substr(0, equals), true);
      auto value = equals == std::string_view::npos ? Result<std::string>{} : unescape(part.substr(equals + 1), true);
      if (!name) return tl::unexpected(name.error());
      if (!value) return tl::unexpected(value.error());
      if (!target.query.emplace(*name, std::move(*value)).second) {
        return fail(ErrorCode::InvalidArgument, "the parameter '{}' is given twice", *name);
      }
      return {};
    });
  }
  if (!done) return tl::unexpected(done.error());
  return target;
}

}  // namespace repl::serve
