// From text to trees: YAML syntax, anchors, merge keys and duplicate keys. Meaning is not looked at here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/tree.hpp"

namespace repl::spec {

struct Complaint {
  Mark at;
  std::string message;
};

struct Document {
  TreePtr root;
  std::vector<Complaint> complaints;  ///< Duplicate keys, keys that are no text, quotes that are never closed.
};

struct Documents {
  std::vector<Document> complete;  ///< Those before the syntax error, when there is one. Empty documents are left out.
  std::vector<Complaint> syntax;   ///< Of the document that could not be read; there is no reading on behind it.
};

/// Reads all documents of a file. `<<` merges mappings as YAML 1.1 has it; an anchor holds within its document.
Documents read_documents(std::string_view text);

}  // namespace repl::spec
