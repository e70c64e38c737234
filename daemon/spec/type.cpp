// The scalar types, and the errors that all types share.
#include "spec/type.hpp"

#include <algorithm>
#include <charconv>

namespace repl::spec {
namespace {

std::string_view name_of(Tree::Kind kind) {
  switch (kind) {
    case Tree::Kind::Null:
      return "a value";
    case Tree::Kind::Scalar:
      return "one value";
    case Tree::Kind::Sequence:
      return "a list ([a, b], or lines that begin with \"- \")";
    case Tree::Kind::Mapping:
      return "a mapping (\"field: value\" lines, or { field: value })";
  }
  return "?";
}

}  // namespace

std::string found(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::Null:
      return "nothing";
    case Tree::Kind::Scalar:
      return shown(tree.text);
    case Tree::Kind::Sequence:
      return "a list";
    case Tree::Kind::Mapping:
      return "a mapping";
  }
  return "?";
}

std::optional<std::string> read_scalar(Reader& reader, const Tree& tree, std::string_view wanted) {
  if (tree.kind == Tree::Kind::Scalar) return tree.text;
  reader.error(tree.at, fmt::format("expected {}, found {}", wanted, found(tree)));
  return std::nullopt;
}

bool expect_kind(Reader& reader, const Tree& tree, Tree::Kind kind) {
  if (tree.kind == kind) return true;
  // In the accounts, a text where a mapping belongs may well be a password.
  const bool secretive = reader.label().starts_with("accounts") && tree.kind == Tree::Kind::Scalar;
  reader.error(tree.at, fmt::format("expected {}, found {}", name_of(kind), secretive ? "a text" : found(tree)));
  return false;
}

void report_not_yet(Reader& reader, Mark at, std::string_view value) {
  const auto* row = not_yet(reader.label(), value);
  if (row == nullptr) return;
  const auto what = value.empty() ? std::string{"valid"} : fmt::format("\"{}\" is valid", value);
  const auto message = fmt::format("{}, but this version does not carry it out yet: {}", what, row->instead);
  if (row->outcome == NotYet::Outcome::Refused) {
    // The value is not wrong, so the rules that depend on it still apply.
    reader.complain({at, fmt::format("{}: {}", reader.label(), message)});
  } else {
    reader.warn(at, message);
  }
}

void report_unknown(Reader& reader, const Entry& entry, const std::vector<std::string_view>& known) {
  const auto meant = nearest_name(entry.key, known);
  const auto where = reader.path().empty() ? std::string{} : fmt::format(" of {}", reader.label());
  const auto hint = meant.empty() ? fmt::format("known here: {}", fmt::join(known, ", "))
                                  : fmt::format("did you mean \"{}\"?", meant);
  reader.complain({entry.at, fmt::format("unknown field {}{}: {}", shown(entry.key), where, hint)});
}

void report_missing(Reader& reader, std::string_view field) {
  reader.error_at(reader.path_of(field), "missing, and there is no default");
}

Type<int> integer(int least, int most) {
  return {
      [=](Reader& reader, const Tree& tree) -> std::optional<int> {
        const auto right = fmt::format("a whole number from {} to {}", least, most);
        const auto given = read_scalar(reader, tree, right);
        if (!given) return std::nullopt;
        int value = 0;
        const auto* const end = given->data() + given->size();
        const auto result = std::from_chars(given->data(), end, value);
        if (tree.quoted || result.ptr != end || result.ec == std::errc::invalid_argument) {
          reader.error(tree.at, fmt::format("{} is no number{}: expected {}", shown(*given),
                                            tree.quoted ? " (in quotes it is a text)" : "", right));
          return std::nullopt;
        }
        if (result.ec != std::errc{} || value < least || value > most) {
          reader.error(tree.at, fmt::format("{} is out of range: expected {} to {}", shown(*given), least, most));
          return std::nullopt;
        }
        return value;
      },
      [](const int& value, Defaults) { return scalar(fmt::format("{}", value)); },
  };
}

Type<bool> boolean() {
  return {
      [](Reader& reader, const Tree& tree) -> std::optional<bool> {
        const auto given = read_scalar(reader, tree, "true or false");
        if (!given) return std::nullopt;
        if (!tree.quoted && (*given == "true" || *given == "false")) return *given == "true";
        reader.error(tree.at, fmt::format("{} is neither true nor false", shown(*given)));
        return std::nullopt;
      },
      [](const bool& value, Defaults) { return scalar(value ? "true" : "false"); },
  };
}

Type<std::string> text(std::string right, std::function<bool(std::string_view)> fits) {
  return {
      [=](Reader& reader, const Tree& tree) -> std::optional<std::string> {
        const auto given = read_scalar(reader, tree, right);
        if (!given || fits(*given)) return given;
        reader.error(tree.at, fmt::format("{} will not do: expected {}", shown(*given), right));
        return std::nullopt;
      },
      [](const std::string& value, Defaults) { return scalar(value); },
  };
}

}  // namespace repl::spec
