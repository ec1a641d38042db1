namespace Laptime.Targets.Registry;

/// <summary>What a local registry runs in: a process, or a container.</summary>
internal abstract class RegistryHost
{
    /// <summary>Starts one; it need not serve yet.</summary>
    /// <exception cref="Foundations.FaultException">It cannot be started.</exception>
    public abstract Task<RegistryRecord> StartAsync(CancellationToken cancel);

    /// <summary>It is the one of the record, and it runs.</summary>
    public abstract Task<bool> IsAliveAsync(RegistryRecord record, CancellationToken cancel);

    /// <summary>It listens on the port, as far as anybody can say.</summary>
    public abstract bool Holds(RegistryRecord record, int port);

    /// <summary>Asks it to end, and ends it. When this returns it is gone.</summary>
    /// <exception cref="Foundations.FaultException">It does not end.</exception>
    public abstract Task EndAsync(RegistryRecord record, CancellationToken cancel);

    /// <summary>The last lines of its log.</summary>
    public abstract Task<IReadOnlyList<string>> TailAsync(CancellationToken cancel);
}
