namespace Laptime.Fingerprints;

/// <summary>Whether everything the last saved scan depended on is as it was.</summary>
/// <param name="IsClean">True: a scan now would give the same inputs. False: scan (which may still find nothing changed).</param>
/// <param name="Files">Inputs looked at.</param>
/// <param name="Reason">Why it is not clean: a path relative to the workspace root, or a sentence; null when clean.</param>
/// <param name="Tree">When clean: <see cref="WorkspaceScan.Tree"/> of the scan that wrote the index.</param>
/// <param name="Racy">Files that were read again because their time stamps prove nothing; a scan that saves heals them.</param>
public sealed record NoOpVerdict(bool IsClean, int Files, string? Reason, Digest Tree, int Racy);
