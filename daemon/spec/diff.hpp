// What changes from one spec to another, for people.
#pragma once

#include <string>
#include <vector>

#include "model/spec.hpp"

namespace repl::spec {

struct Change {
  char sign = '~';   ///< '+' added, '-' removed, '~' changed.
  std::string path;  ///< "sync.acks", "node db4", "node db2.promotion", "settings.max_connections".
  std::string from;  ///< "" for '+'.
  std::string to;    ///< "" for '-'.
  bool operator==(const Change&) const = default;
};

/// In the order of the file's fields; nodes are compared by name and their order means nothing. Secrets appear as
/// references only ("file:/etc/repld/secrets/admin"). Empty: the two declare the same.
std::vector<Change> diff(const Spec& before, const Spec& after);

/// "~ sync.acks  1 -> 2"
std::string to_string(const Change& change);

}  // namespace repl::spec
