// A YAML document as plain values that remember where they stood. Whoever reads or writes topology files works on this;
// only document.cpp knows the YAML library.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/detail.hpp"

namespace repl::spec {

struct Tree;
/// Shared because an anchor and its aliases are the same value.
using TreePtr = std::shared_ptr<const Tree>;

struct Entry {
  std::string key;
  Mark at;
  TreePtr value;
};

struct Tree {
  enum class Kind { Null, Scalar, Sequence, Mapping };
  Kind kind = Kind::Null;
  Mark at;
  std::string text;            ///< Scalar only.
  bool quoted = false;         ///< Scalar only: it stood, or is to stand, in quotes.
  std::vector<TreePtr> items;  ///< Sequence only.
  std::vector<Entry> entries;  ///< Mapping only, in the order of the file, each key once.
  /// What a diff shows instead of the parts: a reference to a secret is one value to people. "" shows the parts.
  std::string in_short;

  /// Null when the mapping has no such key.
  const Entry* find(std::string_view key) const;
};

TreePtr scalar(std::string text);
TreePtr sequence(std::vector<TreePtr> items);
TreePtr mapping(std::vector<Entry> entries);

/// Same contents, wherever they stood.
bool same(const Tree& a, const Tree& b);

/// The tree as YAML: block style, references and lists of scalars in flow style, quotes only where they are needed.
std::string to_text(const Tree& tree);

}  // namespace repl::spec
