// The tables of the topology file: which fields each mapping has, of what type, in what range.
#pragma once

#include <string>
#include <vector>

#include "model/spec.hpp"
#include "spec/type.hpp"

namespace repl::spec {

inline constexpr const char* kApiVersion = "replctl/v1";

/// A whole document.
const Type<Spec>& spec_type();

/// Every field as a label, "nodes.readWeight", those that are not carried out yet included. The reference in docs/ is
/// tested against this list.
std::vector<std::string> field_labels();

}  // namespace repl::spec
