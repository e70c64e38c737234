// Writes by the same tables that the reading goes by.
#include "spec/to_yaml.hpp"

#include "spec/fields.hpp"

namespace repl::spec {

std::string to_yaml(const Spec& spec) {
  return to_text(*spec_type().write(spec, Defaults::Hidden));
}

}  // namespace repl::spec
