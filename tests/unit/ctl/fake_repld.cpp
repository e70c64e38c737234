// The server of the tests, on Boost.Beast: one thread, one connection at a time.
#include "fake_repld.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace repl::ctl {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

struct FakeRepld::State {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor{io, {asio::ip::make_address("127.0.0.1"), 0}};

  mutable std::mutex mutex;
  std::map<std::string, Handler> handlers;  // "GET /path"; guarded by mutex
  std::vector<Request> requests;            // guarded by mutex
  std::jthread thread;                      // last: ends before the rest goes

  void accept() {
    acceptor.async_accept([this](error_code error, asio::ip::tcp::socket socket) {
      if (error) return;
      serve(socket);
      accept();
    });
  }

  void serve(asio::ip::tcp::socket& socket) {
    error_code error;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::read(socket, buffer, request, error);
    if (error) return;
    const Request seen{std::string(request.method_string()), std::string(request.target()),
                       std::string(request[http::field::authorization]), request.body()};
    const auto answer = answer_to(seen);
    if (answer.status == 0) return;
    http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
    response.set(http::field::content_type, "application/json");
    response.body() = answer.body;
    response.prepare_payload();
    http::write(socket, response, error);
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, error);
  }

  Answer answer_to(const Request& request) {
    Handler handler;
    {
      const std::lock_guard lock(mutex);
      requests.push_back(request);
      const auto at = handlers.find(request.method + ' ' + request.target.substr(0, request.target.find('?')));
      if (at != handlers.end()) handler = at->second;
    }
    if (handler) return handler(request);
    return {404,
            Json{{"error", {{"code", "no-such-cluster"}, {"message", "no handler for " + request.target}}}}.dump()};
  }
};

FakeRepld::FakeRepld() : state_(std::make_unique<State>()) {
  state_->accept();
  state_->thread = std::jthread([this] { state_->io.run(); });
}

FakeRepld::~FakeRepld() {
  state_->io.stop();
}

void FakeRepld::on(const std::string& method, const std::string& target, Handler handler) {
  const std::lock_guard lock(state_->mutex);
  state_->handlers[method + ' ' + target] = std::move(handler);
}

void FakeRepld::on(const std::string& method, const std::string& target, Json answer, int status) {
  on(method, target, [status, text = answer.dump()](const Request&) { return Answer{status, text}; });
}

void FakeRepld::on_each(const std::string& method, const std::string& target, std::vector<Json> answers) {
  auto next = std::make_shared<std::size_t>(0);  // shared: a handler is copied for each request
  on(method, target, [answers = std::move(answers), next](const Request&) {
    const auto& answer = answers.at(std::min((*next)++, answers.size() - 1));
    return Answer{200, answer.dump()};
  });
}

void FakeRepld::refuse(const std::string& method, const std::string& target, int status, const std::string& code,
                       const std::string& message, Json details) {
  Json error{{"code", code}, {"message", message}};
  if (!details.is_null()) error["details"] = std::move(details);
  on(method, target, Json{{"error", std::move(error)}}, status);
}

std::string FakeRepld::url() const {
  return "http://127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port());
}

std::vector<FakeRepld::Request> FakeRepld::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::vector<Json> FakeRepld::bodies(const std::string& method, const std::string& target) const {
  std::vector<Json> out;
  for (const auto& request : requests()) {
    if (request.method == method && request.target == target) out.push_back(Json::parse(request.body));
  }
  return out;
}

}  // namespace repl::ctl
