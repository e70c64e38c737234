// Boost.Beast (1.74) on one Asio thread. A Connection owns its socket and itself while an operation on it is under way.
#include "serve/server.hpp"

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <thread>

namespace repl::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::Get;
    case http::verb::head:
      return Method::Head;
    case http::verb::post:
      return Method::Post;
    case http::verb::delete_:
      return Method::Delete;
    case http::verb::options:
      return Method::Options;
    default:
      return Method::Other;
  }
}

std::string string_of(beast::string_view s) {
  return {s.data(), s.size()};
}

}  // namespace

struct Server::Impl {
  class Connection;

  Impl(Application& application_, Limits limits_)
      : application(application_), limits(limits_), looking(limits.look_threads), changing(limits.change_threads) {}

  Application& application;
  const Limits limits;
  std::set<Connection*> connections;  // the network thread's own; outlives `io`, whose handlers own them
  bool ended = false;                 // the network thread is over
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  Address address;
  asio::thread_pool looking;
  asio::thread_pool changing;
  std::atomic<bool> stopping = false;
  asio::executor_work_guard<asio::io_context::executor_type> keep_running = asio::make_work_guard(io);
  asio::steady_timer patience{io};
  std::jthread network;

  Result<void> listen(const Address& wanted);
  void accept();
  void stop();
};

/// One client's connection. Lives in the network thread; only the Application is called elsewhere.
class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    server_.connections.insert(this);
  }
  ~Connection() {
    server_.connections.erase(this);
    if (server_.stopping && !server_.ended && server_.connections.empty()) server_.patience.cancel();
  }

  void read(std::chrono::milliseconds until_it_begins) {
    parser_.emplace();
    parser_->body_limit(server_.limits.body_bytes);
    parser_->header_limit(static_cast<std::uint32_t>(server_.limits.header_bytes));
    answering_ = false;
    stream_.expires_after(until_it_begins);
    // The first byte ends the idle time; from then on the request has to be whole within its own time.
    if (buffer_.size() > 0) return read_whole();
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](beast::error_code ec, std::size_t count) {
                              if (ec) return self->close();
                              self->buffer_.commit(count);
                              self->read_whole();
                            });
  }

  void refuse(int status, std::string_view why) {
    close_after_ = answering_ = true;
    write(server_.application.refuse(status, why), 11, false);
  }

  /// Closes at once when nothing is being answered, else after the answer.
  void end() {
    close_after_ = true;
    if (!answering_) close();
  }

 private:
  void read_whole() {
    stream_.expires_after(server_.limits.request);
    http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
      if (ec || self->parser_->is_done()) return self->arrived(ec);
      if (!beast::iequals(self->parser_->get()[http::field::expect], "100-continue")) return self->read_body();
      self->say_continue();
    });
  }

  void say_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = shared_from_this()](beast::error_code ec, std::size_t) {
                        if (ec) return self->close();
                        self->read_body();
                      });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code ec, std::size_t) { self->arrived(ec); });
  }

  void arrived(beast::error_code ec) {
    if (ec == http::error::end_of_stream || ec == http::error::partial_message || ec == asio::error::operation_aborted)
      return close();
    if (ec == http::error::body_limit) {
      return refuse(413, fmt::format("the body is larger than {} bytes", server_.limits.body_bytes));
    }
    if (ec == http::error::header_limit) {
      return refuse(431, fmt::format("the header is larger than {} bytes", server_.limits.header_bytes));
    }
    if (ec == beast::error::timeout) return close();  // beast has closed the socket already
    if (ec && ec.category() == http::make_error_code(http::error::bad_method).category()) {
      return refuse(400, "not an HTTP request: " + ec.message());
    }
    if (ec) return close();

    if (server_.stopping) return refuse(503, "repld is stopping");

    answering_ = true;
    stream_.expires_never();  // the answer may take its time
    auto message = parser_->release();
    Request request{.method = method_of(message.method()),
                    .target = string_of(message.target()),
                    .authorization = string_of(message[http::field::authorization]),
                    .asked_by = string_of(message["X-Asked-By"]),
                    .body = std::move(message.body())};
    const auto version = message.version();
    if (!message.keep_alive()) close_after_ = true;
    auto& pool = server_.application.worker_for(request) == Worker::Change ? server_.changing : server_.looking;
    asio::post(pool, [self = shared_from_this(), request = std::move(request), version]() mutable {
      auto response = self->server_.application.answer(request);
      asio::post(self->stream_.get_executor(),
                 [self, response = std::move(response), version, head = request.method == Method::Head]() mutable {
                   self->write(std::move(response), version, head);
                 });
    });
  }

  void write(Response response, unsigned version, bool head) {
    auto message = std::make_shared<http::response<http::string_body>>();
    message->version(version);
    message->result(static_cast<unsigned>(response.status));
    message->set(http::field::server, "repld");
    message->set(http::field::cache_control, "no-store");
    message->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) message->set(name, value);
    message->keep_alive(!close_after_);
    if (response.status != 204) {
      message->set(http::field::content_type, response.content_type);
      message->content_length(response.body.size());
      if (!head) message->body() = std::move(response.body);
    }
    stream_.expires_after(server_.limits.response);
    // A HEAD's answer names the length of a body that does not follow, so only the header is written.
    auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*message);
    auto written = [self = shared_from_this(), message, serializer](beast::error_code ec, std::size_t) {
      if (ec || self->close_after_) return self->finish();
      self->read(self->server_.limits.idle);
    };
    if (head) {
      http::async_write_header(stream_, *serializer, std::move(written));
    } else {
      http::async_write(stream_, *serializer, std::move(written));
    }
  }

  /// Ends our side and lets the client read what was written: closing with unread input would reset the connection.
  void finish() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(1));
    drain();
  }

  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](beast::error_code ec, std::size_t count) {
                              self->drained_ += count;
                              if (ec || self->server_.stopping || self->drained_ > 4 * self->server_.limits.body_bytes)
                                return self->close();
                              self->drain();
                            });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().close(ignored);
  }

  Impl& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::size_t drained_ = 0;
  bool close_after_ = false;
  bool answering_ = false;
};

Result<void> Server::Impl::listen(const Address& wanted) {
  beast::error_code ec;
  const auto ip = asio::ip::make_address(wanted.host == "localhost" ? "127.0.0.1" : wanted.host, ec);
  if (ec) return fail(ErrorCode::InvalidArgument, "listen: '{}' is no IP address", wanted.host);
  const tcp::endpoint endpoint(ip, wanted.port);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    return fail(ErrorCode::Internal,
                "cannot listen on {}: {}. Another repld may be running there; --listen takes another address.",
                to_string(wanted), ec.message());
  }
  address = {ip.to_string(), acceptor.local_endpoint().port()};
  return {};
}

void Server::Impl::accept() {
  acceptor.async_accept([this](beast::error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || stopping) return;
    if (!ec) {
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      const auto full = connections.size() >= limits.connections;
      const auto far_too_full = connections.size() >= limits.connections + 32;  // not even a refusal is written then
      if (!far_too_full) {
        const auto connection = std::make_shared<Connection>(*this, std::move(socket));
        if (full) {
          connection->refuse(503, fmt::format("{} connections are open already", limits.connections));
        } else {
          connection->read(limits.request);
        }
      }
    } else if (ec == asio::error::no_descriptors) {
      // Accepting again at once would spin until a descriptor is free.
      auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
      return pause->async_wait([this, pause](beast::error_code) { accept(); });
    }
    accept();
  });
}

void Server::Impl::stop() {
  if (stopping.exchange(true)) return;
  asio::post(io, [this] {
    beast::error_code ignored;
    acceptor.close(ignored);
    const auto open = connections;  // end() may remove some
    for (auto* connection : open) connection->end();
  });
  looking.join();
  changing.join();
  // Answers are being written now; a client that does not take its own gets two seconds.
  asio::post(io, [this] {
    keep_running.reset();
    if (connections.empty()) return;
    patience.expires_after(std::chrono::seconds(2));
    patience.async_wait([this](beast::error_code ec) {
      if (!ec) io.stop();
    });
  });
  network.join();
  ended = true;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  stop();
}

void Server::stop() {
  impl_->stop();
}

Address Server::address() const {
  return impl_->address;
}

Result<std::unique_ptr<Server>> Server::start(const Address& address, Application& application, Limits limits) {
  auto impl = std::make_unique<Impl>(application, limits);
  if (auto listening = impl->listen(address); !listening) return tl::unexpected(listening.error());
  impl->accept();
  impl->network = std::jthread([server = impl.get()] { server->io.run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace repl::serve
