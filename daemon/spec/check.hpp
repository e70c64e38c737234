// Checks that need more than the document: the other clusters of a repld, and the permissions of files.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/spec.hpp"
#include "spec/parse.hpp"

namespace repl::spec {

/// What contradicts other clusters: a server belongs to one cluster. A cluster of the same name in `others` is an
/// earlier revision of `spec` and is passed over. The details have no place; use the second form to have one.
std::vector<Detail> check_against(const Spec& spec, std::span<const Spec> others);
std::vector<Detail> check_against(const Spec& spec, std::span<const Spec> others, std::string_view file,
                                  const Located& located);
/// The same for every cluster of a file.
std::vector<Detail> check_against(const Parsed& parsed, std::span<const Spec> others);

/// The files of secrets it refers to, that users other than owner and group may read or write, and the topology file
/// itself when they may write it (it names commands to run, and holds no secret): an error each. Looks at the file
/// system, unlike everything else here; a file that is not there is passed over (whoever reads the secret reports it).
///
/// @param topology_file  path of the file that `parsed` was read from; "" when it did not come from a file
std::vector<Detail> check_permissions(std::string_view topology_file, const Parsed& parsed);
/// The secrets of a spec that is in force already.
std::vector<std::string> check_permissions(const Spec& spec);

}  // namespace repl::spec
