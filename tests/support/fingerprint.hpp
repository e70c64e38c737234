// What a server is like apart from the data of its owner: what tests compare to say that nothing was changed, or that
// everything was taken back.
#pragma once

#include <map>
#include <string>

#include "ctl/sandbox/sandbox.hpp"

namespace repl::testing {

/// By section: "variables" (in force), "persisted", "plugins", "channels", "accounts", "privileges", "members". A row
/// of a section is a line.
using Fingerprint = std::map<std::string, std::string>;

/// @errors when the server cannot be asked
Result<Fingerprint> fingerprint_of(const ctl::sandbox::Sandbox& sandbox, const std::string& node);

/// By node, all of the sandbox's. One that cannot be asked has the only section "unreachable".
using Fingerprints = std::map<std::string, Fingerprint>;
Fingerprints fingerprints_of(const ctl::sandbox::Sandbox& sandbox);

/// "db2 channels: - ... + ...", a line for each line that is not in both; "": they are the same.
std::string difference(const Fingerprints& before, const Fingerprints& after);

}  // namespace repl::testing
