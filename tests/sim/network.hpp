// The network between servers, repld and clients: delay, loss (as TCP sees it: a retransmission), one-way cuts. What
// was sent into a cut is not lost: TCP delivers it after the cut is healed, unless the receiver has closed the
// connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/random.hpp"

namespace repl::sim {

/// Servers are 0, 1, ...
using Endpoint = int;
inline constexpr Endpoint kRepld = 100;
inline constexpr Endpoint kClients = 101;

/// One direction of one TCP connection: what is sent on it arrives in order.
struct StreamState {
  Time last{};     ///< When the last message arrives.
  int behind = 0;  ///< Messages that a cut held back and that have not arrived since.
};
using Stream = std::shared_ptr<StreamState>;
inline Stream new_stream() {
  return std::make_shared<StreamState>();
}

struct NetworkProfile {
  Duration shortest{50};
  Duration longest{1'000};
  double loss = 0;  ///< Chance that a message needs a retransmission.
  Duration retransmission{200'000};
};

class Network {
 public:
  Network(EventQueue& events, Random random) : events_(&events), random_(random) {}

  void set_profile(const NetworkProfile& profile) { profile_ = profile; }

  /// `arrive` runs at the receiver's end. Without a stream the message may overtake others.
  void send(Endpoint from, Endpoint to, std::function<void()> arrive, const Stream& stream = nullptr);

  /// Messages from `from` to `to` no longer arrive. Cuts are counted: as many heals are needed.
  void cut(Endpoint from, Endpoint to);
  void heal(Endpoint from, Endpoint to);
  bool is_cut(Endpoint from, Endpoint to) const { return cuts_.contains({from, to}); }
  bool is_connected(Endpoint a, Endpoint b) const { return !is_cut(a, b) && !is_cut(b, a); }

 private:
  struct Message {
    Endpoint from, to;
    Stream stream;
    std::function<void()> arrive;
    bool held = false;  ///< A cut held it back once.
  };
  void deliver(Message message, Time when);
  void arrived(Message message);

  EventQueue* events_;
  Random random_;
  NetworkProfile profile_;
  std::map<std::pair<Endpoint, Endpoint>, int> cuts_;
  std::map<std::pair<Endpoint, Endpoint>, std::vector<Message>> held_;
};

}  // namespace repl::sim
