// The values the store keeps, as JSON text. Every struct is described once (codec_fields.hpp), and both directions
// follow that description. What a newer repld has added is passed over when it is read; a field that is missing, a
// wrong type or an unknown name of a step or enum value is an error: half an operation must never be resumed.
#pragma once

#include <string>
#include <string_view>

#include "model/operation.hpp"
#include "verify/run.hpp"

namespace repl::store {

/// T: Memory, Operation, Plan, Step, Spec, Office, Event, AppliedRevision, verify::Run, TableProgress or Finding. Bytes
/// that are not UTF-8 (a server's message may hold some) are replaced by U+FFFD.
template <class T>
std::string encode(const T& value);

/// @errors StoreFailed: where in the document and what was found there
template <class T>
Result<T> decode(std::string_view text);

}  // namespace repl::store
