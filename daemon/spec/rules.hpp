// The rules that join several fields: counts, references, contradictions, and what is allowed but worth a warning.
// Types and ranges are in fields.cpp.
#pragma once

#include <string_view>
#include <vector>

#include "model/spec.hpp"
#include "spec/reader.hpp"

namespace repl::spec {

/// What a rule looks at, and where it reports.
struct Draft {
  const Spec& spec;
  Reader& reader;
};

struct Rule {
  std::string_view summary;             ///< As in docs/topology-file.md.
  std::vector<std::string_view> needs;  ///< Labels; when one of them is wrong already, the rule keeps quiet.
  void (*check)(Draft&);
};

const std::vector<Rule>& rules();

/// Applies every rule whose needs are met.
void check_rules(const Spec& spec, Reader& reader);

}  // namespace repl::spec
