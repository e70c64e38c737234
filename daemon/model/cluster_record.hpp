// What the servers of a cluster keep of it themselves (table repld.cluster), so that a repld with an empty disk can
// take it up again: docs/adopt.md. Nothing in it is secret: the document holds references to secrets only.
#pragma once

#include <optional>
#include <string>

#include "model/ids.hpp"

namespace repl {

struct ClusterRecord {
  ClusterId cluster;
  Term term;
  Revision revision;
  std::optional<NodeId> primary;  ///< Empty where every node takes writes.
  std::string document;           ///< The spec of `revision` as YAML.
  bool operator==(const ClusterRecord&) const = default;

  /// It was written after `other`: a higher term, or a later revision of the same one.
  bool is_newer_than(const ClusterRecord& other) const {
    return term != other.term ? term > other.term : revision > other.revision;
  }
};

}  // namespace repl
