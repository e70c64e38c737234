// Places in binary logs, and histories by them: what a topology with `positioning: binlog` has in place of GTIDs.
// Values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/gtid_set.hpp"

namespace repl {

/// A place in the binary log of one server, as SHOW BINARY LOG STATUS and SHOW REPLICA STATUS name it. Ordered by the
/// number at the end of the file's name, then by position: names themselves stop being in order after .999999.
struct BinlogPosition {
  std::string file;  ///< "binlog.000003"; "": no place.
  std::uint64_t position = 0;

  bool empty() const { return file.empty(); }
  std::uint64_t file_number() const;  ///< 0 when the name has none.
  std::strong_ordering operator<=>(const BinlogPosition& other) const;
  bool operator==(const BinlogPosition& other) const { return *this <=> other == 0; }
};
/// "binlog.000003:154"; "none" for no place.
std::string to_string(const BinlogPosition& place);

/// All that is in the binary log of `server_uuid` up to `place`, as a set: one number per byte, under a tag of its own
/// so that it is never mixed up with GTIDs. Having more, being ahead and being equal are then the same questions with
/// both kinds of positioning. Empty when either is.
GtidSet history(const std::string& server_uuid, const BinlogPosition& place);

/// It is made of such histories.
bool is_by_position(const GtidSet& set);

/// The number of the last file of that server's log that the set knows of; 0: of none.
std::uint64_t last_file(const GtidSet& set, const std::string& server_uuid);

/// How much is in the set, for people: "3 transactions", or "1200 bytes of the binary log" of a history by places.
std::string how_much(const GtidSet& set);
/// The set for people: as GtidSet::to_string(), or "up to 000003:154 of the binary log of 3e11fa47-...".
std::string in_words(const GtidSet& set);

}  // namespace repl
