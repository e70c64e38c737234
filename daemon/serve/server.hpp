// The HTTP/1.1 listener: accepts connections, reads whole requests within limits, hands them to the Application on
// worker threads, and writes the answers. One thread does all the network; nothing on it ever waits for a cluster or
// the disk.
#pragma once

#include <chrono>
#include <memory>

#include "model/ids.hpp"
#include "serve/http.hpp"

namespace repl::serve {

struct Limits {
  std::size_t body_bytes = 1024 * 1024;
  std::size_t header_bytes = 16 * 1024;
  std::size_t connections = 128;               ///< Further ones are answered 503 and closed.
  std::chrono::milliseconds request{10'000};   ///< For a request to arrive whole, once the connection is open.
  std::chrono::milliseconds idle{60'000};      ///< For the next request of a kept connection to begin.
  std::chrono::milliseconds response{10'000};  ///< For the client to take the response.
  std::size_t look_threads = 1;
  std::size_t change_threads = 4;  ///< Each may wait for a cluster's controller.
};

class Server {
 public:
  /// Listens on `address` (an IP address; port 0: any free one) and answers until it is destroyed.
  /// @errors InvalidArgument, or Internal: the address cannot be listened on, and why
  static Result<std::unique_ptr<Server>> start(const Address& address, Application& application, Limits limits = {});
  /// Ends like stop().
  ~Server();

  /// Where it listens, with the port that was chosen.
  Address address() const;

  /// Takes no more requests, finishes the answers that are under way, and closes all connections. Whoever the handlers
  /// wait for has to be told to stop before.
  void stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repl::serve
