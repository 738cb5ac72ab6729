/**
 * Stores JSON values in this browser. A browser that stores nothing (site data blocked, storage full)
 * keeps them in memory, until the page is left.
 */

class JsonStorage {
  #open;
  #memory = new Map();

  /** `open` returns a Storage, or throws if the browser blocks it. */
  constructor(open) {
    this.#open = open;
  }

  /** The value of a key, or null if there is none, or one that `isValid` refuses. */
  read(key, isValid) {
    const value = this.#memory.has(key) ? this.#memory.get(key) : this.#readStored(key);
    return value !== null && isValid(value) ? value : null;
  }

  write(key, value) {
    this.#memory.delete(key);
    try {
      this.#open().setItem(key, JSON.stringify(value));
    } catch {
      this.#memory.set(key, value);
    }
  }

  remove(key) {
    this.#memory.delete(key);
    try {
      this.#open().removeItem(key);
    } catch {
      // A browser that blocks the storage has no value in it.
    }
  }

  // The storage belongs to the origin, so another page or the user may have written anything.
  #readStored(key) {
    try {
      return JSON.parse(this.#open().getItem(key));
    } catch {
      return null;
    }
  }
}

/** Shared by all tabs, and kept when the browser ends. */
export const browserStorage = new JsonStorage(() => localStorage);

/** Used by this tab only, and kept when the page is loaded again. */
export const tabStorage = new JsonStorage(() => sessionStorage);
