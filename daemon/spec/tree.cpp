// Building, comparing and printing trees.
#include "spec/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace repl::spec {
namespace {

/// Plain scalars that YAML would not read back as the same text.
constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};

bool is_plain(std::string_view text) {
  const auto harmless = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view{"_./-+@"}.find(c) != std::string::npos;
  };
  const auto starts_well = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '.';
  };
  return std::find(kNulls.begin(), kNulls.end(), text) == kNulls.end() && starts_well(text.front()) && text != "..." &&
         std::all_of(text.begin(), text.end(), harmless);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string scalar_text(const Tree& tree) {
  if (tree.kind == Tree::Kind::Null) return "~";
  return !tree.quoted && is_plain(tree.text) ? tree.text : in_quotes(tree.text);
}

bool is_leaf(const Tree& tree) {
  return tree.kind == Tree::Kind::Null || tree.kind == Tree::Kind::Scalar;
}

bool fits_one_line(const Tree& tree) {
  if (tree.kind == Tree::Kind::Mapping) return !tree.in_short.empty() || tree.entries.empty();
  return std::all_of(tree.items.begin(), tree.items.end(), [](const TreePtr& item) { return is_leaf(*item); });
}

std::string flow(const Tree& tree) {
  if (is_leaf(tree)) return scalar_text(tree);
  std::string inner;
  for (const auto& item : tree.items) inner += (inner.empty() ? "" : ", ") + flow(*item);
  for (const auto& [key, at, value] : tree.entries) {
    inner += fmt::format("{}{}: {}", inner.empty() ? "" : ", ", key, flow(*value));
  }
  return tree.kind == Tree::Kind::Sequence ? "[" + inner + "]" : "{ " + inner + " }";
}

void block(const Tree& tree, std::size_t indent, std::string& out);

void block_value(const Tree& value, std::size_t indent, std::string& out) {
  if (is_leaf(value) || fits_one_line(value)) {
    out += ' ' + flow(value) + '\n';
  } else {
    out += '\n';
    block(value, indent, out);
  }
}

void block(const Tree& tree, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  for (const auto& item : tree.items) {
    if (item->kind != Tree::Kind::Mapping) {
      out += margin + "-";
      block_value(*item, indent + 2, out);
      continue;
    }
    const auto start = out.size();
    block(*item, indent + 2, out);
    if (out.size() > start) out[start + indent] = '-';
  }
  for (const auto& [key, at, value] : tree.entries) {
    out += margin + key + ":";
    block_value(*value, indent + 2, out);
  }
}

}  // namespace

const Entry* Tree::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

TreePtr scalar(std::string text) {
  Tree tree{.kind = Tree::Kind::Scalar};
  tree.text = std::move(text);
  return std::make_shared<const Tree>(std::move(tree));
}

TreePtr sequence(std::vector<TreePtr> items) {
  Tree tree{.kind = Tree::Kind::Sequence};
  tree.items = std::move(items);
  return std::make_shared<const Tree>(std::move(tree));
}

TreePtr mapping(std::vector<Entry> entries) {
  Tree tree{.kind = Tree::Kind::Mapping};
  tree.entries = std::move(entries);
  return std::make_shared<const Tree>(std::move(tree));
}

bool same(const Tree& a, const Tree& b) {
  const auto same_item = [](const TreePtr& x, const TreePtr& y) { return same(*x, *y); };
  const auto same_entry = [](const Entry& x, const Entry& y) { return x.key == y.key && same(*x.value, *y.value); };
  return a.kind == b.kind && a.text == b.text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_item) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(), same_entry);
}

std::string to_text(const Tree& tree) {
  if (is_leaf(tree)) return scalar_text(tree) + '\n';
  std::string out;
  block(tree, 0, out);
  return out;
}

}  // namespace repl::spec
