using Laptime.Ledgers;

namespace Laptime.Databases.Scratch;

/// <summary>Where bodies may be tried.</summary>
/// <param name="Server">The address of any database on the server that scratch databases may be made on, as a role that may make databases and roles.</param>
/// <param name="Live">The database in use: its schema is read, nothing more. Null: only with a <see cref="Template"/>.</param>
public sealed record ScratchSettings(DatabaseAddress Server, DatabaseAddress? Live)
{
    /// <summary>A database of that server that nobody is connected to: copied with its rows. Null: the schema of <see cref="Live"/>, without rows.</summary>
    public string? Template { get; init; }

    /// <summary>Bound on all the trying of one body. Default 30 s.</summary>
    public TimeSpan Bound { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The schema stays on the server for the next time, as a database of lap's (<c>lap_skeleton_…</c>): only on a server that is there for trying.</summary>
    public bool KeepsSkeleton { get; init; }
}
