/** What every component needs from the vendored view library, under one short address. */
export {
  html,
  render,
  createContext,
  useCallback,
  useContext,
  useEffect,
  useErrorBoundary,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from '../vendor/htm-3.1.1/standalone.module.js';
