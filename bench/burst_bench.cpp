// Many clients that want the same thing at the same moment: opens COUNT connections, then asks one URL's path on each
// of them at once. Prints when the first and the last answer were complete, as one JSON line. Usage: burst_bench NAME
// ADDRESS PORT PATH COUNT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

struct client {
  int fd = -1;
  std::string seen;
  std::size_t wanted = 0; // bytes of head and body; 0: the head is not complete
};

// Whether the answer is complete.
bool feed(client& c, const char* bytes, std::size_t n) {
  c.seen.append(bytes, n);
  if (c.wanted == 0)
    if (const auto end = c.seen.find("\r\n\r\n"); end != std::string::npos) {
      const auto length = c.seen.find("Content-Length: ");
      c.wanted = end + 4 + (length < end ? std::strtoul(c.seen.c_str() + length + 16, nullptr, 10) : 0);
    }
  return c.wanted > 0 && c.seen.size() >= c.wanted;
}

double ms(clock_type::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

int give_up(const char* what) {
  std::perror(what);
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: burst_bench NAME ADDRESS PORT PATH COUNT\n");
    return 2;
  }
  const auto count = static_cast<std::size_t>(std::strtoul(argv[5], nullptr, 10));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(argv[3], nullptr, 10)));
  inet_pton(AF_INET, argv[2], &to.sin_addr);
  const auto poll = epoll_create1(0);
  std::vector<client> clients(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& c = clients[i];
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c.fd < 0 || connect(c.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      return give_up("connect");
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = i;
    epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &e);
  }
  const auto request = std::string{"GET "} + argv[4] + " HTTP/1.1\r\nHost: bench\r\n\r\n";
  const auto start = clock_type::now();
  for (const auto& c : clients)
    if (send(c.fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
      return give_up("send");
  const auto sent = clock_type::now();
  clock_type::time_point first{};
  clock_type::time_point last{};
  std::size_t good = 0;
  std::array<epoll_event, 512> events{};
  std::vector<char> buffer(64 << 10);
  for (std::size_t ended = 0; ended < count;) {
    const auto n = epoll_wait(poll, events.data(), events.size(), 30'000);
    if (n <= 0)
      return give_up("no answer in 30 s");
    for (int i = 0; i < n; ++i) {
      auto& c = clients[events[static_cast<std::size_t>(i)].data.u64];
      const auto got = read(c.fd, buffer.data(), buffer.size());
      if (got <= 0)
        close(c.fd);
      if (got > 0 && !feed(c, buffer.data(), static_cast<std::size_t>(got)))
        continue;
      last = clock_type::now();
      first = ended == 0 ? last : first;
      good += c.seen.starts_with("HTTP/1.1 200") ? 1 : 0;
      ++ended; // the connection stays, as a browser's would
    }
  }
  std::printf(
    R"({"case":"%s","clients":%zu,"good":%zu,"sending_ms":%.1f,"first_answer_ms":%.1f,"last_answer_ms":%.1f,"first_to_last_ms":%.1f})"
    "\n",
    argv[1], count, good, ms(sent - start), ms(first - start), ms(last - start), ms(last - first));
  return good == count ? 0 : 1;
}
