// The HTTP API without the network: finds the route of a request, checks token, parameters and body, calls the handler,
// and turns its errors into answers. Thread-safe.
#pragma once

#include "serve/call.hpp"

namespace repl::serve {

struct Route;

class Api final : public Application {
 public:
  explicit Api(Backend backend) : backend_(std::move(backend)) {}

  Worker worker_for(const Request& request) const override;
  Response answer(const Request& request) override;
  Response refuse(int status, std::string_view why) override;

 private:
  Response answer_by(const Route& route, const Request& request, const Target& target,
                     const std::map<std::string, std::string>& path);
  bool may_call(const Route& route, const Request& request) const;

  Backend backend_;
};

}  // namespace repl::serve
