// The little of Express that the rival uses: no types package is installed for a benchmark's sake.
declare module 'express' {
  export interface Request {
    readonly body: unknown;
  }
  export interface Response {
    send(body: string): Response;
    status(code: number): Response;
    json(body: unknown): Response;
  }
  type Handler = (request: Request, response: Response) => void;
  interface Application {
    use(middleware: unknown): Application;
    get(path: string, handler: Handler): Application;
    post(path: string, handler: Handler): Application;
    listen(port: number, host: string): unknown;
  }
  const express: { (): Application; json(): unknown };
  export default express;
}
