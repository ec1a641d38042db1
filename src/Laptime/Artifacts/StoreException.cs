using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>In which way a store failed: what a caller may do next follows from it.</summary>
public enum StoreFailure
{
    /// <summary>What was asked for by its digest is not there.</summary>
    Absent,

    /// <summary>What is there is not what its digest, its length or its kind says. It must never be used.</summary>
    Damaged,

    /// <summary>No usable answer within the bounds: not reachable, busy, failing, or no registry at all. It may work later.</summary>
    Unreachable,

    /// <summary>The store answers, and refuses: credentials, trust (TLS), or an operation it does not allow. Trying again does not help.</summary>
    Refused,

    /// <summary>This machine failed: its disk is full, or a file may not be read or written.</summary>
    Local,
}

/// <summary>A store failed, and how.</summary>
public sealed class StoreException(StoreFailure failure, Fault fault, Exception? inner = null) : FaultException(fault, inner)
{
    public StoreFailure Failure { get; } = failure;
}
