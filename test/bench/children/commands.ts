type Commands = Readonly<Record<string, (args: any) => unknown>>;

/** The side of a child: says that it is ready, then does what it is told and answers with what came of it. */
export function serveCommands(commands: Commands): void {
  process.on('message', ({ command, args }: { command: string; args: object }) => {
    const act = commands[command];
    Promise.resolve()
      .then(() => (act ? act(args) : Promise.reject(new Error('no such command'))))
      .then(
        (result: unknown) => process.send?.({ result }),
        (error: unknown) =>
          process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ result: null });
}
