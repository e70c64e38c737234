// The HTTP client, on Boost.Beast. Each asynchronous operation is run to its end before the next one is begun: that is
// how tcp_stream's deadline works at all (it does not hold for its blocking calls).
#include "ctl/http_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace repl::ctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

/// Whole answers of a repld with many clusters stay far below this.
constexpr std::uint64_t kLargestBody = 256ULL << 20;

/// Starts an operation whose handler takes an error code first, and waits for it.
template <class Start>
error_code finish(asio::io_context& io, Start start) {
  error_code result;
  start([&result](error_code error, auto&&...) { result = error; });
  io.restart();
  io.run();
  return result;
}

ErrorCode code_of(const error_code& error) {
  return error == beast::error::timeout ? ErrorCode::DeadlineExceeded : ErrorCode::ConnectionLost;
}

std::string reason(const error_code& error) {
  if (error == beast::error::timeout) return "no answer in time";
  if (error == http::error::end_of_stream) return "the connection was closed without an answer";
  auto text = error.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

}  // namespace

Result<HttpResponse> send_http(const Address& server, const HttpRequest& request, std::chrono::milliseconds timeout) {
  asio::io_context io;
  error_code error;
  asio::ip::tcp::resolver resolver(io);
  const auto endpoints = resolver.resolve(server.host, std::to_string(server.port), error);
  if (error) return fail(ErrorCode::Unreachable, "{}", reason(error));

  beast::tcp_stream stream(io);
  stream.expires_after(timeout);
  error = finish(io, [&](auto handler) { stream.async_connect(endpoints, handler); });
  if (error) return fail(ErrorCode::Unreachable, "{}", reason(error));

  http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
  message.set(http::field::host, to_string(server));
  message.set(http::field::user_agent, "replctl");
  message.set(http::field::accept, "application/json");
  message.set(http::field::connection, "close");
  if (!request.token.empty()) message.set(http::field::authorization, "Bearer " + request.token);
  if (!request.asked_by.empty()) message.set("X-Asked-By", request.asked_by);
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();
  error = finish(io, [&](auto handler) { http::async_write(stream, message, handler); });
  if (error) return fail(code_of(error), "{}", reason(error));

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestBody);
  error = finish(io, [&](auto handler) { http::async_read(stream, buffer, parser, handler); });
  if (error) return fail(code_of(error), "{}", reason(error));
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, error);  // an error here changes nothing
  return HttpResponse{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

std::string url_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace repl::ctl
