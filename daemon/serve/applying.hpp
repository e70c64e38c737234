// What the calls have in common that compare a spec with what is in force, or ask a cluster's controller to make it
// true.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serve/call.hpp"
#include "spec/parse.hpp"

namespace repl::serve {

/// A topology file that was found right, or the answer that says what is wrong with it.
struct Taken {
  spec::Parsed parsed;
  std::optional<Response> refusal;

  /// A file's warnings belong to the document in which they stand.
  std::vector<spec::Detail> warnings_of(std::size_t cluster) const;
};

/// Everything that can be known to be wrong without asking a server, of all documents at once.
/// @param file       as errors show it
/// @param directory  absolute, or "": relative paths in the text are resolved against it
Taken take(const Call& call, const std::string& text, const std::string& file, const std::string& directory);

/// A default one when the cluster is not known.
run::ClusterState state_of(const Call& call, const ClusterId& cluster);

/// What `wanted` changes of the spec in force.
Json changes_json(const Memory& memory, const Spec& wanted);
/// What else there is to be known about making `wanted` true: who stays primary, which variables go back to what.
Json notes_json(const run::ClusterState& state, const Spec& wanted);

/// @errors what the controller refuses; DeadlineExceeded
Result<control::Reply> ask(const Call& call, const ClusterId& cluster, decltype(control::Request::what) what);

struct Asked {
  run::ClusterState before;
  control::Reply reply;
};
Result<Asked> ask_to_apply(const Call& call, control::ApplySpec what);
/// One cluster of the answer to an apply.
Json applied_json(const Asked& asked, const Spec& wanted, const std::vector<spec::Detail>& warnings);

/// One at a time: what is being applied is not forgotten, and a file is taken whole.
std::unique_lock<std::mutex> applying();

}  // namespace repl::serve
