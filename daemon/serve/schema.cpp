// Keywords known: $ref, type (one or several), enum, minimum, maximum, properties, required, additionalProperties:
// false, items, anyOf. Descriptions and formats are for people.
#include "serve/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace repl::serve::schema {
namespace {

Json of_type(const char* type) {
  return {{"type", type}};
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  return type == "null" && value.is_null();
}

/// A value as an error shows it: never long, for requests carry whole documents.
std::string shown(const Json& value) {
  if (value.is_structured()) return value.type_name();
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  return text;
}

class Check {
 public:
  explicit Check(const Json& named) : named_(named) {}

  void value(const Json& schema, const Json& value, const std::string& where) {
    if (const auto ref = schema.find("$ref"); ref != schema.end()) {
      const auto& path = ref->get_ref<const std::string&>();
      return this->value(named_.at(path.substr(path.rfind('/') + 1)), value, where);
    }
    if (const auto any = schema.find("anyOf"); any != schema.end()) return any_of(*any, value, where);
    if (!type_fits(schema, value, where)) return;
    if (const auto names = schema.find("enum");
        names != schema.end() && std::find(names->begin(), names->end(), value) == names->end()) {
      complain(where, fmt::format("{} is none of {}", shown(value), names->dump()));
    }
    if (value.is_number()) limits(schema, value, where);
    if (value.is_object()) members(schema, value, where);
    if (value.is_array() && schema.contains("items")) {
      for (std::size_t i = 0; i < value.size(); ++i)
        this->value(schema.at("items"), value[i], fmt::format("{}[{}]", where, i));
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  void complain(const std::string& where, const std::string& what) {
    found_.push_back(where.empty() ? what : where + ": " + what);
  }

  void any_of(const Json& choices, const Json& value, const std::string& where) {
    std::vector<std::string> last;
    for (const auto& choice : choices) {
      Check alone(named_);
      alone.value(choice, value, where);
      auto found = alone.take();
      if (found.empty()) return;
      if (last.empty()) last = std::move(found);
    }
    found_.insert(found_.end(), last.begin(), last.end());
  }

  bool type_fits(const Json& schema, const Json& value, const std::string& where) {
    const auto type = schema.find("type");
    if (type == schema.end()) return true;
    const bool fits = type->is_array()
                          ? std::any_of(type->begin(), type->end(),
                                        [&](const Json& t) { return has_type(value, t.get<std::string>()); })
                          : has_type(value, type->get<std::string>());
    if (!fits) complain(where, fmt::format("wanted {}, found {}", type->dump(), shown(value)));
    return fits;
  }

  void limits(const Json& schema, const Json& value, const std::string& where) {
    if (const auto least = schema.find("minimum");
        least != schema.end() && value.get<double>() < least->get<double>()) {
      complain(where, fmt::format("{} is less than {}", shown(value), least->dump()));
    }
    if (const auto most = schema.find("maximum"); most != schema.end() && value.get<double>() > most->get<double>()) {
      complain(where, fmt::format("{} is more than {}", shown(value), most->dump()));
    }
  }

  void members(const Json& schema, const Json& value, const std::string& where) {
    const auto properties = schema.find("properties");
    if (properties == schema.end()) return;
    for (const auto& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get_ref<const std::string&>())) {
        complain(where, fmt::format("'{}' is missing", name.get_ref<const std::string&>()));
      }
    }
    for (const auto& [name, member] : value.items()) {
      const auto known = properties->find(name);
      if (known != properties->end()) {
        this->value(*known, member, where.empty() ? name : where + "." + name);
      } else if (!schema.value("additionalProperties", true)) {
        complain(where, fmt::format("'{}' is not known here", name));
      }
    }
  }

  const Json& named_;
  std::vector<std::string> found_;
};

}  // namespace

Json text() {
  return of_type("string");
}
Json text_of(std::initializer_list<std::string_view> values) {
  auto schema = text();
  schema["enum"] = std::vector<std::string>(values.begin(), values.end());
  return schema;
}
Json whole() {
  return of_type("integer");
}
Json number() {
  return of_type("number");
}
Json flag() {
  return of_type("boolean");
}
Json time() {
  return {{"type", "string"}, {"format", "date-time"}};
}
Json list(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

Json object(std::vector<Member> members) {
  Json properties = Json::object();
  Json required = Json::array();
  for (auto& member : members) {
    properties[member.name] = std::move(member.schema);
    if (member.required) required.push_back(member.name);
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

Member optional(const char* name, Json schema) {
  return {name, std::move(schema), false};
}

Json nullable(Json schema) {
  if (schema.contains("type") && !schema.contains("enum")) {
    schema["type"] = Json::array({schema["type"], "null"});
    return schema;
  }
  return {{"anyOf", Json::array({std::move(schema), of_type("null")})}};
}

Json ref(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

Json at_least(Json schema, Json minimum) {
  schema["minimum"] = std::move(minimum);
  return schema;
}
Json at_most(Json schema, Json maximum) {
  schema["maximum"] = std::move(maximum);
  return schema;
}
Json about(Json schema, std::string_view description) {
  schema["description"] = description;
  return schema;
}

std::vector<std::string> violations(const Json& schema, const Json& value, const Json& named) {
  Check check(named);
  check.value(schema, value, "");
  return check.take();
}

}  // namespace repl::serve::schema
