// A spec as a topology file.
#pragma once

#include <string>

#include "model/spec.hpp"

namespace repl::spec {

/// The canonical document: fields in the order of the reference, values that differ from their defaults (and a few that
/// readers look for). Parsing it again gives an equal spec, for every spec that breaks no rule.
std::string to_yaml(const Spec& spec);

}  // namespace repl::spec
