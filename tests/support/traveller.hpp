// Changes of one topology into the next on real servers, each made by `replctl apply` under a writer, and judged: every
// acknowledged row is on every node, the file applies again without a step, and how long nobody could write. And such
// changes that fail on purpose, at a step that is chosen.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/spec.hpp"
#include "tests/support/rig.hpp"

namespace repl::testing {

/// What a topology file says beside names and accounts.
struct Shape {
  std::string name;      ///< For people: "ring of 3, semi-sync".
  std::string topology;  ///< As in the file: "circular".
  /// One flow mapping per node, without its name's address: "name: db2, type: replica". Names are the sandbox's.
  std::vector<std::string> nodes;
  std::string sync{};   ///< "mode: semi-sync, acks: 2"; "": no such block.
  std::string extra{};  ///< More lines of the file.
  Positioning positioning = Positioning::Gtid;
  std::string switch_to_first{};  ///< Node that takes the writes over before this is applied; "": nobody.
  std::string without_account{};  ///< Role whose account the file does not name; "": it names all.
};

struct Change {
  std::string from, to;
  double took = 0;  ///< Seconds from `replctl apply`, or the switchover before it, to its end, verified by --wait.
  double gap = 0;   ///< The longest time, in seconds, without any acknowledged write.
  std::size_t steps = 0, acknowledged = 0, lost = 0;
};

/// How a statement of repld's fails. A hook, which is no statement, fails accordingly.
enum class Fault {
  Lost,        ///< It never arrives, however often it is sent. A hook: it ends with 1, every time.
  Unheard,     ///< It arrives, and the connection breaks before the answer. A hook: it is killed when it has done all.
  Killed,      ///< It arrives, and repld dies.
  NotSent,     ///< repld dies, and it does not arrive.
  ServerDies,  ///< It arrives, and that server is killed. It is started again when the apply has ended.
};
std::string_view to_string(Fault fault);

/// What is to fail in an apply.
struct Blow {
  std::string kind;       ///< Name of a step: "set-variable".
  std::string statement;  ///< Part of what such a step sends; of run-hook the name of the program.
  Fault fault = Fault::Lost;
  std::vector<std::string> may_lose{};  ///< Nodes whose data the apply may throw away.
  /// The servers are not as the file in force says, or the secrets are others: taken back, something is left to do.
  bool drifted = false;
};

/// What came of it. Until `differs` was found out repld was paused, so that nothing was repaired meanwhile.
struct Failed {
  bool fired = false;              ///< It was sent at all.
  std::string said;                ///< By replctl.
  std::optional<int> exit_code{};  ///< Of replctl; empty: repld died before it could say how the apply ended.
  std::string state;               ///< Of the apply's operation, which is the only one there was: "done", "taken-back".
  std::string revision;            ///< State of its revision in the history; "": it made none.
  std::set<std::string> struck;    ///< Names of the steps that failed or were tried again.
  bool only_best_effort = false;   ///< Some have failed, and the plan goes on without any of those.
  std::string differs;  ///< Done: the steps that the new file would still take. Taken back: what is not as before.
  std::size_t left = 0, lost = 0;  ///< After all: steps that the file in force would still take; rows.
};

/// A sandbox on its way from shape to shape, with a writer that never stops. What does not work is thrown as
/// std::runtime_error with its story.
class Traveller {
 public:
  explicit Traveller(int servers, Positioning positioning = Positioning::Gtid);
  ~Traveller();

  Rig& rig();
  /// The first shape, on empty servers; the writer starts.
  void begin(const Shape& shape);
  Change change(const Shape& to);
  /// An apply in which a step fails. Afterwards repld runs as always, and everything is in order.
  Failed change_failing(const Shape& to, const Blow& blow);
  const Shape& at() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Seconds from `replctl apply` on empty servers to the moment at which every node is as declared. `topology`: one in
/// which all nodes are alike. @throws std::runtime_error as above
double from_empty(const std::string& topology, int nodes);

}  // namespace repl::testing
