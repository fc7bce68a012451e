// The HTTP server alone: one I/O thread answers every request with the same 4 kB from memory. What wrk measures here,
// beside nginx `return 200` with the same bytes, is the bound on how fast a cached answer can be
// (bench/http_server.sh). Usage: http_server PORT [BODY_BYTES]

#include "apps/http/server.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace {

class constant final : public troupe::http::handler {
public:
  explicit constant(std::size_t bytes) : body_{std::string(bytes, 'x')} {}

  void handle(troupe::http::exchange e) override {
    troupe::http::response r;
    r.head = "Content-Type: application/json\r\n";
    r.body = body_;
    e.answer(std::move(r));
  }

private:
  troupe::blob body_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: http_server PORT [BODY_BYTES]\n";
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  constant h{argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 4'096};
  auto s = troupe::http::server::start("127.0.0.1", static_cast<std::uint16_t>(std::atoi(argv[1])), 1, {}, h);
  if (!s) {
    std::cerr << s.error().message << '\n';
    return 2;
  }
  std::cout << s.value().port() << std::endl;
  int got = 0;
  sigwait(&signals, &got);
  s.value().drain(std::chrono::seconds{2});
  std::cerr << s.value().count().requests << " requests\n";
  return 0;
}
