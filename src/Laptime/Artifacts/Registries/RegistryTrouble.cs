using Laptime.Foundations;

namespace Laptime.Artifacts.Registries;

/// <summary>One try failed. Whoever runs the tries makes a <see cref="StoreException"/> of the last one.</summary>
internal sealed class RegistryTrouble(StoreFailure failure, string what, string mend, bool again = false, TimeSpan? after = null, Exception? inner = null) : Exception(what, inner)
{
    public StoreFailure Failure { get; } = failure;

    public string Mend { get; } = mend;

    /// <summary>Whether another try may succeed.</summary>
    public bool Again { get; } = again;

    /// <summary>How long the registry asks to wait before it.</summary>
    public TimeSpan? After { get; } = after;

    public StoreException ToFault(string doing, string where, int attempts, TimeSpan elapsed)
    {
        var tries = attempts > 1 ? $" ({attempts} attempts in {Duration.Text(elapsed)})" : "";
        return new StoreException(Failure, new Fault(Outcome.BuildFailed, $"{doing}: {Message}{tries}", where, Mend), InnerException);
    }
}
