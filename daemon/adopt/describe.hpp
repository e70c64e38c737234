// From what was found to the topology file that says it: pure. What no file can say is refused with what was found and
// what to do by hand.
#pragma once

#include <string>
#include <vector>

#include "adopt/findings.hpp"
#include "model/cluster_record.hpp"
#include "model/error.hpp"
#include "model/view.hpp"

namespace repl::adopt {

struct Description {
  Spec spec;  ///< With management: observe.
  View view;  ///< The found servers by the names that `spec` gives them.
  /// What the servers keep of the cluster and `spec` was taken from; empty: they keep nothing, it was made from what
  /// was found.
  std::optional<ClusterRecord> record;
  /// Of a replication account of which only the name is known: its password is to be put there.
  std::optional<SecretRef> to_fill_in;
  std::vector<std::string> notes;        ///< What is worth knowing, and stands in no field.
  std::vector<std::string> differences;  ///< Why an apply of `spec` would be refused; see plan::compare().
  std::vector<Unreached> unreached;
};

/// @errors PreconditionFailed: nothing was reached, or it is no topology that can be described; NotSupported: it is one
///         that this version does not manage. Every reason in one text.
Result<Description> describe(const Findings& found, const Order& order);

/// The topology file, with comments.
std::string document(const Description& description);

}  // namespace repl::adopt
