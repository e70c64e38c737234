// Tours: changes of one topology into the next on real servers, each made by `replctl apply` under a writer, and
// judged: every acknowledged row is on every node, the file applies again without a step, and how long nobody could
// write.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
};

struct Tour {
  std::string name;
  int servers = 3;
  std::vector<Shape> shapes;  ///< Each is changed into the next.
};

/// All the changes that are promised, in tours that visit every pair once.
std::vector<Tour> tours();

struct Change {
  std::string from, to;
  double took = 0;  ///< Seconds from `replctl apply` to its end, verified by --wait.
  double gap = 0;   ///< The longest time, in seconds, without any acknowledged write.
  std::size_t steps = 0, acknowledged = 0, lost = 0;
};

/// How a statement of repld's fails.
enum class Fault {
  Lost,     ///< It never arrives, however often it is sent.
  Unheard,  ///< It arrives, and the connection breaks before the answer.
  Killed,   ///< It arrives, and repld dies.
};
std::string_view to_string(Fault fault);

/// A sandbox on its way from shape to shape, with a writer that never stops. What does not work is thrown as
/// std::runtime_error with its story.
class Traveller {
 public:
  explicit Traveller(int servers);
  ~Traveller();

  Rig& rig();
  /// The first shape, on empty servers; the writer starts.
  void begin(const Shape& shape);
  Change change(const Shape& to);

  /// What came of an apply in which a statement failed.
  struct Failed {
    bool fired = false;  ///< The statement was sent at all.
    std::string said;    ///< By replctl.
    std::string state;   ///< Of the operation: "done", "taken-back".
    std::size_t lost = 0;
    std::size_t left = 0;  ///< Steps that an apply of the file in force would still make.
  };
  /// An apply in which a statement that contains `statement` fails. Afterwards repld runs as always.
  /// @param may_lose  the node whose data it may throw away; "": none
  Failed change_failing(const Shape& to, const std::string& statement, Fault fault, const std::string& may_lose);
  const Shape& at() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Makes all changes of a tour on fresh servers. `made` is told of each.
/// @throws std::runtime_error with the story of what did not work
void travel(const Tour& tour, const std::function<void(const Change&)>& made);

/// Seconds from `replctl apply` on empty servers to the moment at which every node is as declared. `topology`: one in
/// which all nodes are alike. @throws std::runtime_error as above
double from_empty(const std::string& topology, int nodes);

}  // namespace repl::testing
