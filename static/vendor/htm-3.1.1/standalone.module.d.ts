export interface VNode<P = any> { type: any; props: P; key: any }
export type Children = any;
export interface Ref<T> { current: T }
export interface Context<T> { Provider: (props: { value: T; children?: Children }) => any; Consumer: any }
export function h(type: any, props: any, ...children: any[]): VNode;
export function html(strings: TemplateStringsArray, ...values: any[]): any;
export function render(tree: any, parent: Element): void;
export class Component<P = any, S = any> {
  constructor(props?: P);
  props: P;
  state: S;
  setState(state: Partial<S> | ((state: S) => Partial<S>)): void;
  forceUpdate(): void;
  render(props: P, state: S): any;
  componentDidCatch?(error: any): void;
}
export function createContext<T>(value: T): Context<T>;
export type Update<S> = (value: S | ((previous: S) => S)) => void;
export function useState<S>(initial: S | (() => S)): [S, Update<S>];
export function useState<S = undefined>(): [S | undefined, Update<S | undefined>];
export function useReducer<S, A>(reducer: (state: S, action: A) => S, initial: S): [S, (action: A) => void];
export function useEffect(effect: () => void | (() => void), inputs?: readonly any[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: readonly any[]): void;
export function useRef<T>(initial: T): Ref<T>;
export function useRef<T>(initial: null): Ref<T | null>;
export function useImperativeHandle<T>(ref: Ref<T>, create: () => T, inputs?: readonly any[]): void;
export function useMemo<T>(make: () => T, inputs?: readonly any[]): T;
export function useCallback<T extends (...args: any[]) => any>(callback: T, inputs?: readonly any[]): T;
export function useContext<T>(context: Context<T>): T;
export function useDebugValue(value: any): void;
export function useErrorBoundary(callback?: (error: any) => void): [any, () => void];
