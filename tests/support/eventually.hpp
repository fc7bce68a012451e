// Waiting for what another thread or process does. The one place where tests sleep.
#pragma once

#include <chrono>
#include <thread>

namespace troupe::test {

/// Whether `holds()` comes true within 10 s. It looks again every 5 ms, because what it waits for tells nobody.
template <class F>
bool eventually(F holds) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10}; !holds();
       std::this_thread::sleep_for(std::chrono::milliseconds{5}))
    if (std::chrono::steady_clock::now() > end)
      return false;
  return true;
}

} // namespace troupe::test
