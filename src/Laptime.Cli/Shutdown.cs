using System.Runtime.InteropServices;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Cli;

/// <summary>
/// First Ctrl-C or SIGTERM: nothing new is started, children are interrupted, the journal entry is closed. Second: children are killed and lap ends.
/// </summary>
internal sealed class Shutdown : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private ProcessRunner? runner;

    public Shutdown()
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
        {
            registrations.Add(PosixSignalRegistration.Create(signal, Handle));
        }
    }

    public CancellationToken Token => source.Token;

    /// <summary>interrupted with 130 (Ctrl-C) or 143 (SIGTERM).</summary>
    public Outcome Outcome { get; private set; } = Outcome.Interrupted;

    public ProcessRunner Watch(ProcessRunner started) => runner = started;

    public void Dispose()
    {
        registrations.ForEach(r => r.Dispose());
        source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (source.IsCancellationRequested)
        {
            runner?.KillAll();
            Environment.Exit(Outcome.ExitCode);
        }

        Outcome = context.Signal == PosixSignal.SIGINT ? Outcome.Interrupted : Outcome.Terminated;
        source.Cancel();
    }
}
