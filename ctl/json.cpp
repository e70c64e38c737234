// Getters over nlohmann::json, and the JSON and YAML writers.
#include "ctl/json.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ctl/text.hpp"

namespace repl::ctl {
namespace {

/// A string that no YAML 1.1 or 1.2 reader takes for a number, a boolean, a null or a structure.
bool is_plain(std::string_view s) {
  if (s.empty() || s.size() > 200) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto harmless = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view(" ._/@()+;-").find(c) != std::string_view::npos;
  };
  if (!letter(s.front()) || s.back() == ' ' || !std::all_of(s.begin(), s.end(), harmless)) return false;
  std::string lower(s);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static constexpr std::string_view kReserved[] = {"true", "false", "yes", "no",  "on", "off",
                                                   "null", "y",     "n",   "nan", "inf"};
  return std::find(std::begin(kReserved), std::end(kReserved), lower) == std::end(kReserved);
}

/// Text of several lines as a literal block, when that can be done without an indentation indicator.
bool is_block(std::string_view s) {
  return s.find('\n') != std::string_view::npos && s.front() != ' ' && s.front() != '\n' &&
         s.find_first_of("\t\r\x1b") == std::string_view::npos && !s.ends_with("\n\n");
}

std::string scalar(const Json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_yaml(const Json& value, std::size_t indent, std::string& out);

/// What follows a "key:" or a "-", with its newline.
void write_value(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_string() && is_block(value.get_ref<const std::string&>())) {
    const auto& text = value.get_ref<const std::string&>();
    out += text.ends_with('\n') ? " |\n" : " |-\n";
    for (const auto line : lines_of(text)) {
      out += line.empty() ? "\n" : fmt::format("{}{}\n", std::string(indent, ' '), line);
    }
  } else if (value.is_structured() && !value.empty()) {
    out += '\n';
    write_yaml(value, indent, out);
  } else {
    out += ' ' + scalar(value) + '\n';
  }
}

void write_yaml(const Json& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, field] : value.items()) {
      out += margin + scalar(Json(key)) + ':';
      write_value(field, indent + 2, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const auto& item : value) {
      if (item.is_object() && !item.empty()) {  // the first field stands beside the dash
        std::string block;
        write_yaml(item, indent + 2, block);
        out += margin + "- " + block.substr(indent + 2);
      } else {
        out += margin + '-';
        write_value(item, indent + 2, out);
      }
    }
  } else {
    out += margin + scalar(value) + '\n';
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  auto value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(ErrorCode::InvalidArgument, "not JSON: {}", text.substr(0, 80));
  return value;
}

const Json* find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(key);
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

std::string text_of(const Json& object, const char* key) {
  const auto* value = find(object, key);
  if (value == nullptr || value->is_structured()) return {};
  return value->is_string() ? value->get<std::string>() : value->dump();
}

std::optional<double> number_of(const Json& object, const char* key) {
  const auto* value = find(object, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

long long integer_of(const Json& object, const char* key) {
  const auto value = number_of(object, key);
  return value ? std::llround(*value) : 0;
}

bool is_true(const Json& object, const char* key) {
  const auto* value = find(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::vector<const Json*> items_of(const Json& object, const char* key) {
  std::vector<const Json*> items;
  if (const auto* array = find(object, key); array != nullptr && array->is_array()) {
    for (const auto& item : *array) items.push_back(&item);
  }
  return items;
}

std::string to_json_text(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string to_yaml_text(const Json& value) {
  std::string out;
  write_yaml(value, 0, out);
  return out;
}

}  // namespace repl::ctl
