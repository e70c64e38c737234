// Passwords that nobody has to think of.
#pragma once

#include <string>

namespace repl::ctl {

/// 27 characters, 142 bits from the kernel, with a lower and an upper case letter, a digit and a dash: passes MySQL's
/// password policy MEDIUM and needs no quoting anywhere.
std::string random_password();

}  // namespace repl::ctl
