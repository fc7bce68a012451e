// Waiting for what another thread or process does. The one place where tests sleep.
#pragma once

#include <chrono>
#include <thread>

namespace troupe::test {

/// Whether `holds()` comes true within `patience`. It looks again every 5 ms, because what it waits for tells nobody.
template <class F>
bool eventually(F holds, std::chrono::seconds patience = std::chrono::seconds{30}) {
  for (const auto end = std::chrono::steady_clock::now() + patience; !holds();
       std::this_thread::sleep_for(std::chrono::milliseconds{5}))
    if (std::chrono::steady_clock::now() > end)
      return false;
  return true;
}

} // namespace troupe::test
