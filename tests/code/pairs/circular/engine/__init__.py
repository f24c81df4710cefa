from engine.a import A

__all__ = ["A"]
