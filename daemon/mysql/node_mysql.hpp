// One server, for operating it: a small pool of sessions that are kept open, with health check, reconnection with
// backoff, a circuit breaker, and the lock that lets only one repld change the server.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>

#include "mysql/backoff.hpp"
#include "mysql/counters.hpp"
#include "mysql/patient_session.hpp"
#include "mysql/session.hpp"

namespace repl::mysql {

/// What a session is for. Each has a session of its own, so that a long wait holds up no change and neither holds up a
/// look.
enum class Purpose {
  Operate,  ///< Changes. The session holds the control lock of the server.
  Wait,     ///< Waits for a condition; changes nothing.
  Look,     ///< Reads the inventory. Not kept open.
};
inline constexpr std::size_t kPurposes = 3;

/// Whether an Operate session takes the control lock.
enum class Control {
  Take,
  IfHadBefore,  ///< To keep a session warm: a repld that only looks on must not push another one out.
};

/// Name of the server's lock that a session must hold to change anything there: GET_LOCK().
inline constexpr const char* kControlLock = "repld.control";

/// Thread-safe; a borrowed session belongs to the borrower's thread.
class NodeMySQL {
 public:
  NodeMySQL(NodeId node, Endpoint endpoint, std::shared_ptr<NodeCounters> counters);

  /// A session that goes back into the pool, unless it is lost.
  class Lease {
   public:
    Lease(NodeMySQL& owner, Purpose purpose, std::uint64_t round, std::unique_ptr<Session> session)
        : owner_{&owner}, purpose_{purpose}, round_{round}, session_{std::move(session)} {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (session_) owner_->give_back(purpose_, round_, std::move(session_));
    }
    Session& operator*() const { return *session_; }
    Session* operator->() const { return session_.get(); }

   private:
    NodeMySQL* owner_;
    Purpose purpose_;
    std::uint64_t round_;
    std::unique_ptr<Session> session_;
  };

  /// A session that has just proved to be alive, and for Operate to hold the control lock: a former holder (a statement
  /// of ours that missed its deadline, a repld that was here before) is killed first.
  ///
  /// A refused connection is an error at once, for the caller has to know; a lost one is tried again with backoff while
  /// there is time.
  /// @errors those of Session::open; BreakerOpen: not tried; SessionSuperseded: another repld has taken the lock from
  /// this
  ///         one; Conflict: the holder was killed and still does something
  Result<Lease> borrow(Purpose purpose, const Call& call, Control control = Control::Take);

  /// Sessions of the caller's own, which hold no lock: one as those of the pool, and one for a statement that takes
  /// longer than theirs may.
  Result<std::unique_ptr<Session>> open_apart(const Call& call,
                                              std::chrono::seconds read_timeout = Session::kReadTimeout);
  Result<std::unique_ptr<PatientSession>> open_patient(const Call& call);

  /// A session for this purpose is there, in the pool or lent.
  bool is_warm(Purpose purpose) const;
  /// Whoever has borrowed the session of this purpose is stuck in a call: the next borrower gets a new one, and that
  /// call's session is dropped when it returns.
  void give_up(Purpose purpose);

  /// Used from the next session on.
  void set_endpoint(const Endpoint& endpoint);
  Endpoint endpoint() const;
  /// The watcher has got an answer: no reason to hold calls back.
  void note_alive();
  /// Closes what is in the pool.
  void close_idle();

 private:
  friend class Lease;
  struct Slot {
    std::unique_ptr<Session> idle;
    bool lent = false;
    std::uint64_t round = 0;  ///< Grows with give_up(); a lease of an earlier round does not come back.
  };
  void give_back(Purpose purpose, std::uint64_t round, std::unique_ptr<Session> session);
  void not_given(Purpose purpose, std::uint64_t round);
  Result<std::unique_ptr<Session>> ready_session(Purpose purpose, const Call& call, Control control,
                                                 std::unique_ptr<Session> kept);
  Result<std::unique_ptr<Session>> open(Purpose purpose, const Call& call, Control control);
  Result<std::unique_ptr<Session>> open_once(const Call& call,
                                             std::chrono::seconds read_timeout = Session::kReadTimeout);
  Result<void> check(Purpose purpose, Session& session, const Call& call, Control control);
  struct Route {
    Endpoint endpoint;
    bool tls = false;
  };
  Route route() const;
  std::shared_ptr<SessionCounters> session_counters() const;
  bool needs_control(Purpose purpose, Control control) const;
  Result<void> take_control(Session& session, const Call& call);
  Result<void> take_over(Session& session, const Call& call, const std::string& holder);
  void connected();
  void failed_to_connect();
  double chance();

  const NodeId node_;
  const std::shared_ptr<NodeCounters> counters_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  Endpoint endpoint_;
  bool tls_ = false;
  CircuitBreaker breaker_;
  std::array<Slot, kPurposes> slots_;
  std::deque<std::string> own_ids_;  ///< Ids of the sessions with which we held the control lock.
  bool held_control_ = false;        ///< Ever, in this process.
  std::minstd_rand random_{std::random_device{}()};
};

/// Waits for `pause`, or less when the call is over.
void wait_within(const Call& call, std::chrono::milliseconds pause);

}  // namespace repl::mysql
