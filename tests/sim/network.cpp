// Delivery, and what a cut holds back.
#include "sim/network.hpp"

#include <algorithm>

namespace repl::sim {

void Network::send(Endpoint from, Endpoint to, std::function<void()> arrive, const Stream& stream) {
  auto when = events_->now() + random_.between(profile_.shortest, profile_.longest);
  if (profile_.loss > 0 && random_.chance(profile_.loss)) when += profile_.retransmission;
  deliver({from, to, stream, std::move(arrive)}, when);
}

void Network::deliver(Message message, Time when) {
  if (message.stream) {
    when = std::max(when, message.stream->last);
    message.stream->last = when;
  }
  events_->at(when, [this, message = std::move(message)]() mutable { arrived(std::move(message)); });
}

void Network::arrived(Message message) {
  if (is_cut(message.from, message.to)) {
    if (message.stream && !message.held) ++message.stream->behind;
    message.held = true;
    held_[{message.from, message.to}].push_back(std::move(message));
    return;
  }
  if (message.stream && message.stream->behind > 0) {
    if (!message.held) {  // what was held back comes first
      const auto when = message.stream->last;
      deliver(std::move(message), when);
      return;
    }
    --message.stream->behind;
  }
  message.arrive();
}

void Network::cut(Endpoint from, Endpoint to) {
  ++cuts_[{from, to}];
}

void Network::heal(Endpoint from, Endpoint to) {
  const auto cut = cuts_.find({from, to});
  if (cut == cuts_.end() || --cut->second > 0) return;
  cuts_.erase(cut);
  // TCP's next retransmission comes some time after the heal.
  auto held = std::exchange(held_[{from, to}], {});
  for (auto& message : held) {
    const auto when = events_->now() + random_.between(Duration{1'000}, Duration{400'000});
    deliver(std::move(message), when);
  }
}

}  // namespace repl::sim
