// A blocking HTTP client of a few lines, for tests that go over the network.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <map>
#include <stdexcept>
#include <string>

#include "model/ids.hpp"

namespace repl::serve {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
};

/// One connection. Reading gives up after ten seconds.
class Client {
 public:
  explicit Client(const Address& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) { (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

  void ask(const std::string& method, const std::string& target, const std::string& token = {},
           const std::string& body = {}) {
    auto text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    send(text + "\r\n" + body);
  }

  /// @param head  the answer to a HEAD, which has no body
  Answer answer(bool head = false) {
    Answer answer;
    while (buffer_.find("\r\n\r\n") == std::string::npos) receive();
    const auto end = buffer_.find("\r\n\r\n");
    auto lines = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::stoi(lines.substr(9, 3));
    for (auto at = lines.find("\r\n") + 2; at < lines.size();) {
      const auto line = lines.substr(at, lines.find("\r\n", at) - at);
      at += line.size() + 2;
      const auto colon = line.find(": ");
      auto name = line.substr(0, colon);
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.headers[name] = line.substr(colon + 2);
    }
    if (head || !answer.headers.contains("content-length")) return answer;
    const auto length = std::stoul(answer.headers.at("content-length"));
    while (buffer_.size() < length) receive();
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  /// The server has ended the connection, and sends nothing more.
  bool closed() {
    char c = 0;
    return buffer_.empty() && ::recv(fd_, &c, 1, 0) <= 0;
  }

 private:
  void receive() {
    char part[4096];
    const auto count = ::recv(fd_, part, sizeof part, 0);
    if (count <= 0) throw std::runtime_error("the connection ended or was silent; so far: " + buffer_);
    buffer_.append(part, static_cast<std::size_t>(count));
  }

  int fd_;
  std::string buffer_;
};

inline Answer call(const Address& address, const std::string& method, const std::string& target,
                   const std::string& token = {}, const std::string& body = {}) {
  Client client(address);
  client.ask(method, target, token, body);
  return client.answer(method == "HEAD");
}

}  // namespace repl::serve
